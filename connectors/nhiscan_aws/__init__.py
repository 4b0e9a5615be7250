"""The AWS connector of nhiscan."""
