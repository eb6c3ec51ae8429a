"""Read what OpenFace 2 writes: action units, frame by frame or as means."""
