"""What a window does beside showing reports: whom it follows, who is signed in, what it keeps, its own actions."""
