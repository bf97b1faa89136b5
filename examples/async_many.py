"""Ask for many films at once, and keep each as soon as it is there.

    RUSHES_API_KEY=sk-… python async_many.py [FOLDER]

RUSHES_BASE_URL says where the server is (http://127.0.0.1:8080). One film that fails does not
stop the others; exit 1 says that there was one.
"""

import asyncio
import sys
from pathlib import Path

from rushes import AsyncRushes, RushesError

PROMPTS = (
    "A paper boat crosses a rain puddle",
    "Morning fog over a harbour",
    "A cat watches snow from a window",
    "Lanterns rise over a river",
)


async def make(client: AsyncRushes, prompt: str, folder: Path) -> bool:
    """Make one film; say whether there is one."""
    try:
        video = await client.videos.create_and_wait(
            prompt, model="sandbox", seconds=1, resolution="480p", deadline_s=300
        )
        film = await client.videos.download(video, folder)
    except RushesError as error:
        print(f"{prompt}: {error}")
        return False
    print(f"{prompt}: {film.path}")
    return True


async def main(folder: Path) -> bool:
    """Make all films; say whether all are there."""
    async with AsyncRushes() as client:
        return all(await asyncio.gather(*(make(client, prompt, folder) for prompt in PROMPTS)))


if __name__ == "__main__":
    films = Path(sys.argv[1] if len(sys.argv) > 1 else "films")
    films.mkdir(exist_ok=True)
    try:
        sys.exit(0 if asyncio.run(main(films)) else 1)
    except RushesError as error:  # no key, or no address
        sys.exit(str(error))
