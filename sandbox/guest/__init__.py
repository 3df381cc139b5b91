"""The program inside: a fork server and the code it forks, standard library only."""
