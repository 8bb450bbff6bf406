"""Make the demo's pictures, its film and its icon again.

What it makes is committed; run it only to change that. It needs ffmpeg on the path and two
packages that the project itself does not use and does not lock::

    pip install numpy pillow
    python examples/gallery/make_media.py
"""

# mypy: ignore-errors
# Pillow and numpy are not locked with the project; ffmpeg is called with arguments of our own.

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from landscape import Colour, Light, Scene, paint
from PIL import Image, ImageDraw

MEDIA = Path(__file__).parent / "media"
SITE = Path(__file__).parent / "site"
PICTURE_SIZE = (960, 640)
PICTURE_LIMIT = 60 * 1024
FILM_SIZE = (640, 360)
FRAMES_PER_SECOND = 25
FILM_SECONDS = 10
# H.264 main profile, level 3.1, and AAC-LC: what the ffmpeg options below make.
CODECS = "avc1.4d401f,mp4a.40.2"

PICTURES: dict[str, Scene] = {
    "first-light.jpg": Scene(
        seed=11,
        sky=(
            (0, (58, 66, 122)),
            (0.28, (140, 112, 160)),
            (0.5, (244, 170, 140)),
            (0.62, (255, 214, 170)),
        ),
        light=Light(
            x=0.56, y=0.37, radius=0.038, disc=(255, 244, 214), glow=(255, 196, 140), reach=0.6
        ),
        far=(176, 128, 160),
        near=(26, 20, 46),
        haze=(255, 206, 176),
        clouds=0.45,
        cloud_colour=(255, 190, 170),
    ),
    "morning mist.jpg": Scene(
        seed=23,
        sky=((0, (168, 196, 214)), (0.4, (214, 226, 226)), (0.65, (246, 238, 220))),
        light=Light(
            x=0.30, y=0.30, radius=0.034, disc=(255, 252, 240), glow=(255, 246, 220), reach=0.7
        ),
        far=(170, 190, 196),
        near=(28, 52, 52),
        haze=(244, 242, 232),
        mist=0.95,
        layers=7,
        relief=0.26,
    ),
    "high-noon.jpg": Scene(
        seed=38,
        sky=((0, (38, 108, 190)), (0.4, (112, 174, 226)), (0.62, (206, 230, 242))),
        light=Light(
            x=0.80, y=0.13, radius=0.030, disc=(255, 255, 248), glow=(240, 248, 255), reach=0.4
        ),
        far=(134, 172, 204),
        near=(16, 58, 54),
        haze=(206, 226, 236),
        relief=0.40,
        clouds=0.9,
    ),
    "golden-hour.jpg": Scene(
        seed=41,
        sky=(
            (0, (86, 84, 120)),
            (0.25, (206, 132, 96)),
            (0.5, (255, 186, 92)),
            (0.62, (255, 226, 150)),
        ),
        light=Light(
            x=0.34, y=0.24, radius=0.050, disc=(255, 250, 222), glow=(255, 206, 110), reach=0.8
        ),
        far=(214, 140, 92),
        near=(44, 20, 16),
        haze=(255, 206, 128),
        mist=0.75,
        clouds=0.5,
        cloud_colour=(255, 214, 150),
    ),
    "lake-at-dusk.webp": Scene(
        seed=59,
        sky=(
            (0, (40, 34, 84)),
            (0.28, (124, 66, 126)),
            (0.5, (232, 116, 122)),
            (0.64, (255, 186, 140)),
        ),
        light=Light(
            x=0.60, y=0.36, radius=0.042, disc=(255, 226, 190), glow=(255, 150, 120), reach=0.6
        ),
        far=(146, 80, 128),
        near=(22, 12, 40),
        haze=(250, 160, 140),
        horizon=0.50,
        layers=4,
        relief=0.27,
        water=0.66,
        trees=False,
        clouds=0.5,
        cloud_colour=(255, 150, 140),
    ),
    "bl\N{LATIN SMALL LETTER A WITH RING ABOVE} time.jpg": Scene(
        seed=67,
        sky=((0, (10, 22, 62)), (0.35, (30, 66, 128)), (0.62, (126, 166, 206))),
        light=Light(
            x=0.24, y=0.20, radius=0.012, disc=(255, 255, 250), glow=(170, 200, 240), reach=0.14
        ),
        far=(74, 112, 162),
        near=(4, 12, 30),
        haze=(128, 164, 204),
        stars=90,
        relief=0.34,
    ),
    "moonrise.jpg": Scene(
        seed=83,
        sky=((0, (8, 8, 26)), (0.35, (28, 30, 66)), (0.62, (88, 82, 120))),
        light=Light(
            x=0.70, y=0.26, radius=0.072, disc=(250, 244, 226), glow=(150, 146, 190), reach=0.42
        ),
        far=(66, 64, 104),
        near=(6, 6, 16),
        haze=(112, 106, 146),
        stars=420,
        mist=0.7,
    ),
    "northern-lights.jpg": Scene(
        seed=97,
        sky=((0, (4, 8, 28)), (0.4, (8, 30, 54)), (0.62, (20, 66, 78))),
        light=Light(
            x=0.50, y=0.70, radius=0.001, disc=(120, 240, 180), glow=(60, 150, 120), strength=0.3
        ),
        far=(24, 60, 74),
        near=(2, 6, 12),
        haze=(48, 110, 106),
        stars=520,
        relief=0.30,
        aurora=((90, 255, 160), (70, 220, 200), (170, 110, 230)),
    ),
}

SUNRISE = replace(PICTURES["first-light.jpg"], seed=131, clouds=0.5, layers=6)
NIGHT_SKY: tuple[Colour, ...] = ((12, 16, 46), (44, 42, 92), (112, 76, 120), (170, 110, 120))
DAY_SKY: tuple[Colour, ...] = ((74, 118, 186), (150, 172, 206), (246, 204, 160), (255, 232, 190))


def make_pictures() -> None:
    """Paint every picture and save it at the best quality that stays small."""
    folder = MEDIA / "gallery"
    folder.mkdir(parents=True, exist_ok=True)
    for name, scene in PICTURES.items():
        picture = Image.fromarray(paint(scene, *PICTURE_SIZE).round().astype("uint8"))
        target = folder / name
        for quality in range(88, 40, -4):
            picture.save(target, quality=quality, optimize=True, progressive=True)
            if target.stat().st_size <= PICTURE_LIMIT:
                break
        print(f"{name}: {target.stat().st_size // 1024} KiB, quality {quality}")


def film_scene(share: float) -> Scene:
    """Return the landscape at one moment of the film, from before sunrise (0) to day (1)."""
    eased = share * share * (3 - 2 * share)
    sky = tuple(
        (place, _between(night, day, eased))
        for place, night, day in zip((0, 0.28, 0.5, 0.62), NIGHT_SKY, DAY_SKY, strict=True)
    )
    light = replace(
        SUNRISE.light, x=0.58 + 0.10 * share, y=0.66 - 0.46 * share, strength=0.5 + 0.3 * eased
    )
    return replace(
        SUNRISE,
        sky=sky,
        light=light,
        far=_between((70, 56, 100), (150, 150, 190), eased),
        near=_between((8, 8, 22), (24, 40, 52), eased),
        haze=_between((120, 84, 120), (255, 222, 190), eased),
        cloud_colour=_between((120, 80, 120), (255, 226, 206), eased),
    )


def make_film() -> None:
    """Paint the film frame by frame; ffmpeg makes HLS of it, in fMP4 segments of two seconds."""
    folder = MEDIA / "film"
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    width, height = FILM_SIZE
    command = [
        *("ffmpeg", "-v", "error", "-y"),
        *(
            "-f",
            "rawvideo",
            "-pix_fmt",
            "rgb24",
            "-s",
            f"{width}x{height}",
            "-r",
            str(FRAMES_PER_SECOND),
        ),
        *("-i", "-", "-f", "lavfi", "-i", _chord(FILM_SECONDS)),
        *("-map", "0:v", "-map", "1:a", "-shortest"),
        *(
            "-c:v",
            "libx264",
            "-preset",
            "veryslow",
            "-profile:v",
            "main",
            "-level",
            "3.1",
            "-pix_fmt",
            "yuv420p",
            "-crf",
            "23",
        ),
        *(
            "-g",
            str(2 * FRAMES_PER_SECOND),
            "-keyint_min",
            str(2 * FRAMES_PER_SECOND),
            "-sc_threshold",
            "0",
        ),
        *("-c:a", "aac", "-b:a", "64k", "-ac", "2"),
        *("-f", "hls", "-hls_time", "2", "-hls_playlist_type", "vod", "-hls_segment_type", "fmp4"),
        *("-hls_flags", "independent_segments", "-hls_fmp4_init_filename", "init.mp4"),
        *("-hls_segment_filename", str(folder / "part-%02d.m4s")),
        str(folder / "film.m3u8"),
    ]
    frames = FILM_SECONDS * FRAMES_PER_SECOND
    with subprocess.Popen(command, stdin=subprocess.PIPE) as ffmpeg:
        pipe = ffmpeg.stdin
        for number in range(frames):
            share = number / (frames - 1)
            frame = paint(film_scene(share), width, height, drift=0.35 * share)
            pipe.write(frame.round().astype("uint8").tobytes())
    if ffmpeg.returncode:
        sys.exit("ffmpeg failed")
    write_master(folder)
    print(f"film: {sum(file.stat().st_size for file in folder.iterdir()) // 1024} KiB")


def write_master(folder: Path) -> None:
    """Write the master playlist; ffmpeg's own would claim a bandwidth without the video's share."""
    sizes = [part.stat().st_size for part in folder.glob("part-*.m4s")]
    peak, average = max(sizes) * 8 // 2, sum(sizes) * 8 // FILM_SECONDS
    width, height = FILM_SIZE
    variant = (
        f"BANDWIDTH={peak},AVERAGE-BANDWIDTH={average},RESOLUTION={width}x{height},"
        f'FRAME-RATE={FRAMES_PER_SECOND}.000,CODECS="{CODECS}"'
    )
    text = (
        "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n"
        f"#EXT-X-STREAM-INF:{variant}\nfilm.m3u8\n"
    )
    (folder / "master.m3u8").write_text(text, encoding="utf-8", newline="\n")


def make_icon() -> None:
    """Draw the page's icon: the two peaks of its wordmark."""
    size = 256
    icon = Image.new("RGBA", (size, size))
    draw = ImageDraw.Draw(icon)
    draw.rounded_rectangle((0, 0, size - 1, size - 1), radius=60, fill=(49, 42, 94))
    peaks = ((20, 205), (98, 80), (148, 155), (180, 115), (236, 205))
    draw.polygon(peaks, fill=(255, 185, 138))
    icon.save(SITE / "favicon.ico", sizes=[(16, 16), (32, 32), (48, 48)])


def _chord(seconds: int) -> str:
    """Return an ffmpeg source: a soft chord that swells and fades with the sun."""
    tones = ((110.0, 0.10), (164.8, 0.07), (220.0, 0.06), (277.2, 0.05), (329.6, 0.04))
    swell = f"sin(PI*t/{seconds})"
    left = "+".join(f"{v}*sin(2*PI*{f}*t)*(0.7+0.3*sin(2*PI*t*{f / 900:.3f}))" for f, v in tones)
    right = "+".join(
        f"{v}*sin(2*PI*{f * 1.002:.2f}*t)*(0.7+0.3*cos(2*PI*t*{f / 900:.3f}))" for f, v in tones
    )
    return f"aevalsrc='{swell}*({left})|{swell}*({right})':s=44100:d={seconds}"


def _between(start: Colour, end: Colour, share: float) -> Colour:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(start, end, strict=True))
    return red, green, blue


if __name__ == "__main__":
    make_icon()
    make_pictures()
    make_film()
