"""People whom answers are adapted to: their names, and what is kept of them."""
