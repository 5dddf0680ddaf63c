"""Makes the files of this folder: what other programs write and compute, for the tests to be held against.

Needs Pillow and opencv-python-headless (made with 13.0 and 5.0): `python3 make.py`.
"""

import hashlib
import io
import json
import pathlib
import struct

import cv2
import numpy as np
from PIL import Image

HERE = pathlib.Path(__file__).parent


def noise(width, height):
    """A picture of 8-bit noise that the tests make in the same way: the upper byte of a 32-bit
    linear congruential sequence, in the order of the bytes of an RGB picture."""
    n = width * height * 3
    state = np.empty(n, np.uint32)
    value = 12345
    for i in range(n):
        value = (value * 1664525 + 1013904223) & 0xFFFFFFFF
        state[i] = value
    return (state >> 24).astype(np.uint8).reshape(height, width, 3)


def picture(width=48, height=32):
    """A smooth picture without any symmetry."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([40 + 3 * x, 30 + 5 * y, 200 - 2 * x - y], axis=2).astype(np.uint8)


def resizes():
    sizes = [(64, 48, 40, 30), (37, 53, 64, 64), (30, 20, 90, 60), (101, 77, 100, 76), (1, 1, 5, 5), (5, 1, 9, 4),
             (2, 3, 7, 2), (64, 64, 64, 32), (300, 200, 75, 50), (320, 180, 106, 60), (160, 120, 80, 60), (7, 200, 3, 64),
             (640, 360, 416, 234), (33, 17, 33, 17), (96, 63, 32, 21),
             (96, 60, 32, 35)]
    linear = [{"from": [w, h], "to": [W, H],
               "sha256": hashlib.sha256(cv2.resize(noise(w, h), (W, H)).tobytes()).hexdigest()} for w, h, W, H in sizes]
    region = cv2.resize(noise(64, 48)[7:41, 11:50], (23, 31))
    small = [(12, 9, 7, 5), (9, 5, 16, 11)]
    shown = [{"from": [w, h], "to": [W, H], "bytes": cv2.resize(noise(w, h), (W, H)).tobytes().hex()} for w, h, W, H in small]
    shrunk = [(61, 47, 17, 13), (64, 64, 16, 16), (40, 30, 20, 10), (50, 40, 49, 7)]
    area = [{"from": [w, h], "to": [W, H],
             "bytes": cv2.resize(noise(w, h), (W, H), interpolation=cv2.INTER_AREA).tobytes().hex()} for w, h, W, H in shrunk]
    cases = {"linear": linear, "linear_bytes": shown, "area": area,
             "region": {"from": [64, 48], "region": [11, 7, 50, 41], "to": [23, 31],
                        "sha256": hashlib.sha256(region.tobytes()).hexdigest()}}
    (HERE / "opencv_resize.json").write_text(json.dumps(cases, indent=0) + "\n")


def save(name, image, **options):
    image.save(HERE / name, **options)


def without_adobe(jpeg):
    """The file without its Adobe marker."""
    at = jpeg.index(b"\xff\xee")
    length = struct.unpack(">H", jpeg[at + 2:at + 4])[0]
    return jpeg[:at] + jpeg[at + 2 + length:]


def in_memory(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def files():
    rgb = Image.fromarray(picture())
    best = {"quality": 95, "subsampling": 0}
    save("baseline.jpg", rgb, **best)
    save("sampled.jpg", rgb, quality=90, subsampling=2)
    save("progressive.jpg", rgb, progressive=True, **best)
    save("grey.jpg", rgb.convert("L"), quality=95)
    # Inks chosen so that the picture comes out again: black 51 everywhere.
    inks = np.clip(255 - np.round(picture().astype(float) * 255 / 204), 0, 255).astype(np.uint8)
    cmyk = np.concatenate([inks, np.full(inks.shape[:2] + (1,), 51, np.uint8)], axis=2)
    save("cmyk_adobe.jpg", Image.fromarray(cmyk, "CMYK"), quality=95)
    plain = in_memory(Image.fromarray(255 - cmyk, "CMYK"), "JPEG", quality=95)
    (HERE / "cmyk_plain.jpg").write_bytes(without_adobe(plain))
    # Adobe's YCCK: the inks as if they were red, green and blue, in luma and chroma; black inverted.
    ycc = np.asarray(Image.fromarray(inks).convert("YCbCr"))
    stored = np.concatenate([ycc, np.full(inks.shape[:2] + (1,), 255 - 51, np.uint8)], axis=2)
    ycck = bytearray(in_memory(Image.fromarray(255 - stored, "CMYK"), "JPEG", quality=95))
    ycck[ycck.index(b"Adobe") + 11] = 2
    (HERE / "ycck.jpg").write_bytes(ycck)
    assert np.abs(np.asarray(Image.open(HERE / "ycck.jpg").convert("RGB")).astype(int) - picture()).max() < 16

    # The stored pixels are turned so that the picture, shown as the tag says, is the same.
    turn = {1: None, 2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
            5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
            8: Image.Transpose.ROTATE_270}
    for number, way in turn.items():
        stored = rgb if way is None else rgb.transpose(way)
        exif = Image.Exif()
        exif[0x0112] = number
        save(f"exif{number}.jpg", stored, exif=exif, quality=90, subsampling=0)
        if number == 6:
            save("exif6.png", stored, exif=exif)
            save("exif6.webp", stored, exif=exif, lossless=True)
            save("exif6.tif", stored, tiffinfo={0x0112: 6}, compression="tiff_deflate")

    save("rgb.png", rgb)
    cv2.imwrite(str(HERE / "rgb16.png"), picture()[:, :, ::-1].astype(np.uint16) * 257)
    cv2.imwrite(str(HERE / "grey16.png"), picture()[:, :, 0].astype(np.uint16) * 257)
    cv2.imwrite(str(HERE / "grey16.tif"), picture()[:, :, 0].astype(np.uint16) * 257)
    alpha = np.full((32, 48), 255, np.uint8)
    alpha[:, 24:] = 0
    save("alpha.png", Image.fromarray(np.dstack([picture(), alpha])))
    save("palette.png", rgb.quantize(32))
    save("bits.png", rgb.convert("L").point(lambda v: 255 if v > 128 else 0).convert("1"))
    save("rgb.bmp", rgb)
    save("palette.bmp", rgb.quantize(64))
    save("rgb.tif", rgb, compression="tiff_lzw")
    save("cmyk.tif", Image.fromarray(cmyk, "CMYK"), compression="tiff_deflate")
    save("float.tif", Image.fromarray(picture()[:, :, 0].astype(np.float32)), compression="tiff_deflate")
    save("lossless.webp", rgb, lossless=True)
    save("lossy.webp", rgb, quality=90)
    frames = [Image.fromarray(255 - picture()), Image.fromarray(picture() // 2)]
    save("animated.webp", rgb, save_all=True, append_images=frames, duration=100, lossless=True)
    save("animated.gif", rgb.quantize(64), save_all=True, append_images=[f.quantize(64) for f in frames], duration=100)


resizes()
files()
print(sum(f.stat().st_size for f in HERE.iterdir()), "bytes")
