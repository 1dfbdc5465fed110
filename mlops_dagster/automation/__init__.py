"""Jobs, schedules and sensors that drive the assets."""
