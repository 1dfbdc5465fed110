"""The resources that assets use: the workspace, Spark, MLflow. Building one starts nothing."""
