"""What people and machines read: the report as text, its progress, and scripts that reproduce a violation."""
