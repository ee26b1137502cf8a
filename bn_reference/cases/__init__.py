"""What goes in and what comes out: cases, outcomes, and the strategies that draw cases."""
