"""`python -m vgan_tutorial.experiments` says which experiments there are."""

from vgan_tutorial import experiments

if __name__ == "__main__":
    print(experiments.__doc__)
