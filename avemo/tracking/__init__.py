"""MLflow: where runs are kept and what each carries."""
