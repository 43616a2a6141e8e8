"""A camera that sees a QR code, and a reader of QR codes for a Chromium that has none of its own (on Linux)."""

from pathlib import Path

import numpy as np
import segno

WIDTH, HEIGHT = 640, 480
_WHITE, _BLACK, _NO_COLOUR = 235, 16, 128  # ITU-R BT.601, 8 bits
_FRAMES = 10

READER = """
globalThis.cameras = [];
const ask = MediaDevices.prototype.getUserMedia;
MediaDevices.prototype.getUserMedia = async function (wanted) {
  const stream = await ask.call(this, wanted);
  cameras.push(...stream.getVideoTracks());
  return stream;
};
globalThis.BarcodeDetector = class {
  static getSupportedFormats = async () => ["qr_code"];
  async detect(video) {
    const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
    const context = canvas.getContext("2d");
    context.drawImage(video, 0, 0);
    const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
    const grey = Array.from({ length: data.length / 4 }, (_, pixel) => data[4 * pixel]);
    const rawValue = await readModules(canvas.width, grey);
    return rawValue === "" ? [] : [{ rawValue }];
  }
};
"""
"""Chromium has BarcodeDetector (W3C Shape Detection) where the system reads codes: this one asks the test."""


class QrCamera:
    """`flags` for Chromium. `reads`: how often the code was read from what the camera shows."""

    def __init__(self, folder: Path, text: str) -> None:
        self.reads = 0
        self._text = text
        self._modules = np.array(segno.make_qr(text).matrix, dtype=bool)
        self._size = (HEIGHT - 80) // len(self._modules)
        file = folder / "camera.y4m"
        file.write_bytes(self._film())
        self.flags = (
            "--use-fake-device-for-media-stream",
            "--use-fake-ui-for-media-stream",
            f"--use-file-for-fake-video-capture={file}",
        )

    @property
    def _corner(self) -> tuple[int, int]:
        """Row and column of the first module, pixels."""
        side = self._size * len(self._modules)
        return (HEIGHT - side) // 2, (WIDTH - side) // 2

    def _film(self) -> bytes:
        """YUV4MPEG2: the code on white, some pictures of it."""
        luma = np.full((HEIGHT, WIDTH), _WHITE, dtype=np.uint8)
        drawing = np.kron(self._modules, np.ones((self._size, self._size), dtype=bool))
        top, left = self._corner
        luma[top : top + len(drawing), left : left + len(drawing)][drawing] = _BLACK
        chroma = bytes([_NO_COLOUR]) * (WIDTH * HEIGHT // 2)
        return f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F10:1 Ip A1:1 C420\n".encode() + _FRAMES * (
            b"FRAME\n" + luma.tobytes() + chroma
        )

    def text_of(self, width: int, grey: list[int]) -> str:
        """The text, if the picture shows all modules of its code where the camera has them; else nothing."""
        picture = np.array(grey).reshape(-1, width)
        if picture.shape != (HEIGHT, WIDTH):
            return ""
        top, left = self._corner
        middles = np.arange(len(self._modules)) * self._size + self._size // 2
        seen = picture[np.ix_(top + middles, left + middles)] < 128
        if not np.array_equal(seen, self._modules):
            return ""
        self.reads += 1
        return self._text
