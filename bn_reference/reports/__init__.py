"""What people and machines read: the report as text, and scripts that reproduce a violation."""
