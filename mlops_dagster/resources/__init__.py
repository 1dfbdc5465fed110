"""The resources that assets use: the workspace, Spark, MLflow. Building one touches nothing outside the process."""
