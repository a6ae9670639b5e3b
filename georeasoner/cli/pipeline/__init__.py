"""The quickstart: the ten steps of the main job, each the code that its command runs."""
