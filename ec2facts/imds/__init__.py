"""The instance metadata service: its sources, live and captured, and the simulator."""
