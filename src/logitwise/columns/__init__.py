"""What users pass as X, as columns: what each of them is, and how its cells become numbers or categories."""
