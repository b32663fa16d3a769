"""How many of the clerks' and programs' faults the rules catch: planted one by one in clean deliveries, and the steps run on each."""
