/** Reads a QR code with the camera, where the browser has a reader of its own. */

interface Detector {
  detect(source: HTMLVideoElement): Promise<{ readonly rawValue: string }[]>;
}
/** W3C Shape Detection; not in TypeScript's DOM. */
type DetectorClass = { new (options: { formats: string[] }): Detector; getSupportedFormats(): Promise<string[]> };

const LOOKS_EVERY_MS = 200;

const detectorClass = (): DetectorClass | undefined =>
  (globalThis as { BarcodeDetector?: DetectorClass }).BarcodeDetector;

export async function canScan(): Promise<boolean> {
  const formats = await detectorClass()?.getSupportedFormats();
  return formats?.includes("qr_code") === true && navigator.mediaDevices !== undefined;
}

/** The first QR code that is seen; undefined: called off. Rejects with DOMException: there is no camera, or no leave. */
export async function scan(video: HTMLVideoElement, callOff: AbortSignal): Promise<string | undefined> {
  const detector = new (detectorClass()!)({ formats: ["qr_code"] });
  const camera = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  try {
    video.srcObject = camera;
    await video.play();
    while (!callOff.aborted) {
      const [code] = await detector.detect(video);
      if (code !== undefined) return code.rawValue;
      await new Promise((resolve) => setTimeout(resolve, LOOKS_EVERY_MS));
    }
    return undefined;
  } finally {
    for (const track of camera.getTracks()) track.stop();
    video.srcObject = null;
  }
}
