"""Make a film, change it, make it longer, and keep the frame that the next one could begin with.

    RUSHES_API_KEY=sk-… python one_from_another.py

RUSHES_BASE_URL says where the server is (http://127.0.0.1:8080). With a key for tests
(`rushes keys create NAME --test`) any model does, and nothing is paid.
"""

import sys

from rushes import Rushes, RushesError, Video


def tell(what: str, video: Video) -> None:
    """Print what was made, and what of the wish was not followed to the letter."""
    print(f"{what}: {video.id}, {video.seconds} s, {video.size}")
    for name in video.coerced_parameters:
        print(f"  changed: {name}")
    for name in video.ignored_parameters:
        print(f"  without effect: {name}")


def main() -> None:
    """Make three films, of which the last is the longest."""
    with Rushes() as client:
        videos = client.videos
        boat = videos.create_and_wait(
            "A paper boat crosses a rain puddle", seconds=1, resolution="480p", deadline_s=300
        )
        tell("first", boat)
        snow = videos.wait(videos.edit(boat, "The same, under snow"), deadline_s=300)
        tell("edited", snow)
        longer = videos.wait(videos.extend(snow, "It drifts on", seconds=4), deadline_s=300)
        tell("extended", longer)
        still = videos.download(longer, "last-frame.webp", variant="last_frame")
    print(f"{still.path}: {still.size_bytes} bytes")


if __name__ == "__main__":
    try:
        main()
    except RushesError as error:
        sys.exit(str(error))
