"""Who looks at the dashboard: signing in, the session behind the cookie, and what a role may do."""
