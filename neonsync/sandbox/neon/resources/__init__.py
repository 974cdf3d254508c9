"""The API's resources: one module each, turning requests into calls on the project."""
