"""Makes `jpeg/` and `jpeg.json`: small JPEGs of every kind, and what libjpeg-turbo makes of them.

Needs Pillow and opencv-python-headless (made with 13.0 and 5.0, whose libjpeg-turbo are 3.2.0 and 3.1.2, of one
mind): `python3 make_jpeg.py`.
"""

import hashlib
import io
import json
import pathlib

import cv2
import numpy as np
from PIL import Image

HERE = pathlib.Path(__file__).parent
FOLDER = HERE / "jpeg"
SAMPLINGS = {"444": 0x111111, "422": 0x211111, "420": 0x221111, "440": 0x121111, "411": 0x411111}
random = np.random.default_rng(7)


def picture(width, height, grain):
    """Waves, with grain; BGR or RGB, as one reads it."""
    y, x = np.mgrid[0:height, 0:width]
    waves = [127 + 120 * np.sin(x / 5 + y / 9), 127 + 120 * np.cos(x / 7 - y / 3), (x * 9 + y * 5) % 256]
    noisy = np.stack(waves, axis=2) + random.normal(0, 1, (height, width, 3)) * grain
    return np.clip(noisy, 0, 255).astype(np.uint8)


def by_opencv(sampling, width, height, quality, progressive=0, optimize=0, restart=0, grain=0):
    options = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, SAMPLINGS[sampling],
               cv2.IMWRITE_JPEG_PROGRESSIVE, progressive, cv2.IMWRITE_JPEG_OPTIMIZE, optimize,
               cv2.IMWRITE_JPEG_RST_INTERVAL, restart]
    return cv2.imencode(".jpg", picture(width, height, grain), options)[1].tobytes()


def by_pillow(mode, width, height, grain=0, **options):
    file = io.BytesIO()
    Image.fromarray(picture(width, height, grain)).convert(mode).save(file, "JPEG", **options)
    return file.getvalue()


def pixels(jpeg):
    """RGB as both decode it; inks are made colours by Pillow, which rounds."""
    image = Image.open(io.BytesIO(jpeg))
    rgb = np.asarray(image.convert("RGB"))
    if image.mode != "CMYK":
        read = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
        assert np.array_equal(rgb, read[:, :, ::-1])
    return rgb


def separate_scans(jpeg):
    """A sequential file of three scans, one a component, by cutting up a 4:4:4 file of one MCU whose blocks are flat.

    Its DC codes are of the standard's tables: difference categories and their bits, then the end of the block."""
    at = jpeg.index(b"\xff\xda")
    luma, blue, red = "110" + "10110" + "1010", "10" + "11" + "00", "10" + "00" + "00"
    scans = b""
    for index, bits in ((1, luma), (2, blue), (3, red)):
        bits += "1" * (-len(bits) % 8)
        tables = 0x00 if index == 1 else 0x11
        scans += bytes([0xFF, 0xDA, 0, 8, 1, index, tables, 0, 63, 0]) + int(bits, 2).to_bytes(len(bits) // 8, "big")
    return jpeg[:at] + scans + b"\xff\xd9"


def main():
    FOLDER.mkdir(exist_ok=True)
    files = {}
    for i, (width, height) in enumerate([(1, 1), (2, 3), (3, 2), (5, 9), (16, 16), (17, 15), (33, 47)]):
        for j, sampling in enumerate(SAMPLINGS):
            if (i + j) % 2 == 0 or i == 6:
                quality = (5, 50, 75, 90, 100)[(i * 2 + j) % 5]
                files[f"{sampling}_{width}x{height}"] = by_opencv(sampling, width, height, quality, grain=4 * (j % 2))
    for i, sampling in enumerate(SAMPLINGS):
        files[f"{sampling}_progressive"] = by_opencv(sampling, 35, 29, 60 + 10 * i, progressive=1, grain=3)
    files["420_optimized"] = by_opencv("420", 31, 18, 95, optimize=1, grain=8)
    files["420_restart"] = by_opencv("420", 50, 37, 80, restart=2, grain=8)
    files["444_restart_progressive"] = by_opencv("444", 33, 18, 80, progressive=1, restart=3, grain=8)
    files["grey"] = by_pillow("L", 29, 17, quality=85)
    files["grey_progressive"] = by_pillow("L", 29, 17, grain=5, quality=85, progressive=True)
    files["rgb"] = by_pillow("RGB", 21, 13, quality=90, keep_rgb=True)
    files["cmyk"] = by_pillow("CMYK", 21, 13, quality=90)
    files["cmyk_progressive"] = by_pillow("CMYK", 21, 13, quality=90, progressive=True)
    files["separate_scans"] = separate_scans(by_opencv("444", 8, 8, 75))
    files["noise"] = cv2.imencode(".jpg", random.integers(0, 256, (24, 24, 3), dtype=np.uint8),
                                  [cv2.IMWRITE_JPEG_QUALITY, 100])[1].tobytes()
    about = {}
    for name, jpeg in sorted(files.items()):
        (FOLDER / f"{name}.jpg").write_bytes(jpeg)
        rgb = pixels(jpeg)
        about[name] = {"width": rgb.shape[1], "height": rgb.shape[0], "sha256": hashlib.sha256(rgb.tobytes()).hexdigest()}
    (HERE / "jpeg.json").write_text(json.dumps(about, indent=0) + "\n")


if __name__ == "__main__":
    main()
