"""Names for the sample's customers, whose file has numbers alone. They are made up; so are the addresses, at example.com."""

from typing import Final

from models.customers import UpsertCustomer

_GIVEN: Final = """
Olivia Amelia Isla Ava Ivy Freya Lily Florence Mia Willow Rosie Sophia Isabella Grace Daisy Sienna Poppy Elsie
Emily Ella Evelyn Phoebe Evie Charlotte Harper Millie Matilda Maya Sofia Alice Noah Muhammad George Oliver Leo
Arthur Oscar Theodore Freddie Archie Theo Arlo Alfie Jude Henry Luca Jack Hugo Rory Finley Ezra Kai Tobias
Edward Albie Louie Rowan Ralph Otis Felix
""".split()  # noqa: SIM905
_FAMILY: Final = """
Abbott Adeyemi Ahmed Alder Archer Ashby Atwood Bailey Barlow Barton Beckett Bell Benson Bishop Blake Booth
Bowen Bradley Briggs Byrne Caldwell Carey Chan Chapman Clarke Coles Cooper Crane Curtis Dalton Daly Dawson
Dean Dixon Doyle Drake Dunn Eaton Ellis Farrow Fenton Finch Fletcher Foster Frost Gale Gibbs Goddard Grant
Gray Hale Hanif Hart Hayes Holt Hughes Hussain Iqbal Ingram Jarvis Joyce Kaur Keane Kemp Khan Knight Lane
Lewis Lowe Marsh Mason Mehta Miles Moran Nash Nolan Okafor Osborne Palmer Parry Patel Pearce Perry Quinn
Rahman Reeve Rhodes Rowe Sharma Shaw Singh Stone Swift Talbot Tate Vaughn Walsh Ward Webb Wilde
""".split()  # noqa: SIM905
FIRST_NUMBER: Final = 12_346
"""The least of the numbers in the file. There are fewer than there are names, so that no two customers have one."""


def person(external_id: str) -> UpsertCustomer:
    """The customer of that number, under the same name each time."""
    number = int(external_id) - FIRST_NUMBER
    # Numbers that follow each other are of people who have nothing in common.
    given = _GIVEN[number * 7 % len(_GIVEN)]
    family = _FAMILY[(number // len(_GIVEN) + number * 37) % len(_FAMILY)]
    address = f"{given}.{family}{external_id[-2:]}@example.com".lower()
    return UpsertCustomer(external_id, f"{given} {family}", email=address)
