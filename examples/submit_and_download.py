"""Ask for one film, watch it come, keep it.

    RUSHES_API_KEY=sk-… python submit_and_download.py

RUSHES_BASE_URL says where the server is (http://127.0.0.1:8080). Exit 1 says why there is no
film. The model is the server's own sandbox, which is always there and costs nothing.
"""

import sys

from rushes import Rushes, RushesError, Video

PROMPT = "A paper boat crosses a rain puddle, seen from above"


def report(video: Video) -> None:
    """Print one line for every change."""
    print(f"{video.status} {video.progress:3} %")


def main() -> None:
    """Make one film of two seconds."""
    with Rushes() as client:
        video = client.videos.create(PROMPT, model="sandbox", seconds=2, resolution="480p")
        print(f"{video.id}: {video.size}, {video.seconds} s")
        video = client.videos.wait(video, deadline_s=300, on_progress=report)
        film = client.videos.download(video, "paper-boat.mp4")
    print(f"{film.path}: {film.size_bytes} bytes")


if __name__ == "__main__":
    try:
        main()
    except RushesError as error:
        sys.exit(str(error))
