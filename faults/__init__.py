"""Faults at random moments of what moves models, and what must hold afterwards."""
