never = "to be had by a path that leads out of the console";
