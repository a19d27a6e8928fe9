"""What the project is looked at with: a served app and a headless browser."""
