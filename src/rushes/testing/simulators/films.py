"""Very small, very real media: what a simulated upstream has to show for itself."""

from __future__ import annotations

from functools import cache
from io import BytesIO
from typing import Final

import av
import numpy as np
from PIL import Image

EDGE_PX: Final = 64
FRAME_COUNT: Final = 8
FPS: Final = 8
SOUND_HZ: Final = 48_000
_SAMPLES: Final = 1024


@cache
def tiny_film() -> bytes:
    """Make one second of H.264 with silent AAC in MP4, 64x64 px, about 3 KB."""
    file = BytesIO()
    with av.open(file, "w", format="mp4") as container:
        picture = container.add_stream("libx264", rate=FPS)
        picture.width = picture.height = EDGE_PX
        picture.pix_fmt = "yuv420p"
        sound = container.add_stream("aac", rate=SOUND_HZ, layout="mono")
        for index in range(FRAME_COUNT):
            grey = np.full((EDGE_PX, EDGE_PX, 3), 16 + 24 * index, np.uint8)
            frame = av.VideoFrame.from_ndarray(grey, format="rgb24")
            frame.pts = index
            container.mux(picture.encode(frame))
        container.mux(picture.encode())
        for at in range(0, SOUND_HZ, _SAMPLES):
            silence = np.zeros((1, _SAMPLES), np.float32)
            part = av.AudioFrame.from_ndarray(silence, format="fltp", layout="mono")
            part.sample_rate, part.pts = SOUND_HZ, at
            container.mux(sound.encode(part))
        container.mux(sound.encode())
    return file.getvalue()


def signed_film(name: str) -> bytes:
    """Make a film like no other: the same pictures, and a box that players skip, with its name.

    >>> signed_film("video_1") == signed_film("video_2")
    False
    """
    body = name.encode()
    return tiny_film() + (8 + len(body)).to_bytes(4) + b"free" + body


@cache
def tiny_still(image_format: str) -> bytes:
    """Make a still in a format that Pillow writes: `WEBP`, `JPEG`, `PNG`."""
    file = BytesIO()
    Image.new("RGB", (EDGE_PX, EDGE_PX), (16, 96, 160)).save(file, image_format)
    return file.getvalue()
