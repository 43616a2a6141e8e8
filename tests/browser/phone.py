"""A person with the phone page: enrols by the link, logs in, presses, holds; what the phone plays is recorded."""

import base64
import json
import wave
from pathlib import Path
from typing import Any, Self

import numpy as np

from browser.conftest import fake_microphone
from browser.site import PHONE_SIZE, Site, Window, becomes
from ptthandset.speech import sentence_pcm
from pttserver.cli.device import phone_link
from running_server import PIN, TENANT

RATE_HZ = 16_000
MICROPHONE_RATE_HZ = 48_000
PAUSE_S = 0.4
HOLD_S = 2.0
"""How long an SOS is held."""
RECORDED = """
const connect = AudioNode.prototype.connect;
const pieces = [];
let isRecorded = false; // the loudspeaker is the first that leads to the destination
AudioNode.prototype.connect = function (target, ...more) {
  if (target instanceof AudioDestinationNode && !isRecorded) {
    isRecorded = true;
    const recorder = target.context.createScriptProcessor(4096, 1, 1);
    recorder.onaudioprocess = ({ inputBuffer }) => pieces.push(inputBuffer.getChannelData(0).slice());
    connect.call(this, recorder);
    connect.call(recorder, target);
    globalThis.played = () => ({ rate: target.context.sampleRate, sound: encoded(pieces) });
  }
  return connect.call(this, target, ...more);
};
function encoded(all) {
  const samples = new Int16Array(all.flatMap((piece) => [...piece].map((sample) => 32767 * sample)));
  let text = "";
  for (const octet of new Uint8Array(samples.buffer)) text += String.fromCharCode(octet);
  return btoa(text);
}
"""
SOCKETS = """
globalThis.sockets = [];
const Socket = globalThis.WebSocket;
globalThis.WebSocket = class extends Socket {
  constructor(...given) {
    super(...given);
    sockets.push(this);
  }
};
"""
WAKE_LOCKS = """
globalThis.wakeLocks = [];
const request = WakeLock.prototype.request;
WakeLock.prototype.request = async function (...given) {
  const lock = await request.apply(this, given);
  wakeLocks.push(lock);
  return lock;
};
"""


def microphone_file(folder: Path, sentence: int) -> Path:
    """The sentence and a pause, for a microphone that plays it over and over."""
    path = folder / "microphone.wav"
    with wave.open(str(path), "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(MICROPHONE_RATE_HZ)
        wav.writeframes(sentence_pcm(sentence, MICROPHONE_RATE_HZ) + bytes(2 * int(PAUSE_S * MICROPHONE_RATE_HZ)))
    return path


class Phone:
    """`sent`: the requests that the page made on the radio's connection, as JSON objects."""

    def __init__(self, site: Site, window: Window) -> None:
        self.site = site
        self.window = window
        self.page = window.page
        self.name = ""
        self.sent: list[dict[str, Any]] = []
        self.page.on("websocket", lambda socket: socket.on("framesent", self._note))

    def _note(self, frame: str | bytes) -> None:
        if isinstance(frame, str):
            self.sent.append(json.loads(frame))

    @classmethod
    async def bought(cls, site: Site, *flags: str, microphone: Path | None = None, **context: Any) -> Self:
        """A new one, with the page not opened yet. Without a file the microphone beeps."""
        given = flags or fake_microphone(microphone)
        browser = await site.browser(*given)
        profile = await browser.new_context(viewport=PHONE_SIZE, locale="en-GB", **context)
        await profile.add_init_script(RECORDED)
        await profile.add_init_script(SOCKETS)
        return cls(site, Window(await profile.new_page()))

    async def link(self, name: str, *groups: str) -> str:
        """The link that the administrator gives to a new subscriber called `name`."""
        self.name = name
        provisioning = self.site.platform.provisioning
        await provisioning.add_subscriber(TENANT, name, display_name=name, pin=PIN)
        for group in groups:
            await provisioning.set_member(TENANT, group, name)
        return phone_link((await self.site.platform.devices.add(TENANT, name)).text)

    async def enrol(self, link: str) -> None:
        await self.page.goto(link)
        await self.page.get_by_role("button", name="Enrol this phone").click()
        await self.page.get_by_label("Your PIN").wait_for()

    async def log_in(self, pin: str = PIN) -> None:
        for digit in pin:
            await self.page.get_by_role("group", name="Digits").get_by_role("button", name=digit, exact=True).click()
        await self.page.get_by_role("button", name="Log in").click()

    async def enter(self, name: str, *groups: str) -> None:
        """From the link to the radio."""
        await self.enrol(await self.link(name, *groups))
        await self.log_in()
        await self.page.locator("[data-talk-button]").wait_for()

    async def subscriber(self) -> str:
        """Number of whoever is logged in here, as the server knows it."""
        found = await self.site.platform.provisioning.subscriber(TENANT, self.name)
        return found.subscriber_id

    # What a thumb does ------------------------------------------------------------------------------------------

    @property
    def talk_button(self) -> Any:
        return self.page.locator("[data-talk-button]")

    async def press(self, button: Any) -> None:
        box = await button.bounding_box()
        await self.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        await self.page.mouse.down()

    async def let_go(self) -> None:
        await self.page.mouse.up()

    async def hold_sos(self, seconds: float = HOLD_S + 0.5) -> None:
        await self.press(self.page.get_by_role("button", name="SOS: call for help"))
        await self.page.wait_for_timeout(1000 * seconds)
        await self.let_go()

    async def go_to(self, room: str) -> None:
        await self.page.get_by_role("navigation").get_by_role("button", name=room).click()

    async def shows(self, text: str, timeout_s: float = 15) -> None:
        """Waits until the text is in sight."""
        await self.page.get_by_text(text).first.wait_for(timeout=1000 * timeout_s)

    # What comes of it -------------------------------------------------------------------------------------------

    async def played(self) -> bytes:
        """What the loudspeaker has played, s16le at RATE_HZ."""
        found = await self.page.evaluate("played()")
        sound = np.frombuffer(base64.b64decode(found["sound"]), dtype="<i2").astype(float)
        places = np.arange(0, len(sound) - 1, found["rate"] / RATE_HZ)
        return np.interp(places, np.arange(len(sound)), sound).astype("<i2").tobytes()

    async def keeps_awake(self, wanted: bool) -> None:
        """Waits until the screen is kept on, or is no more; of a page with WAKE_LOCKS."""
        held = "wakeLocks.some(({ released }) => !released)"
        await becomes(self.page, held if wanted else f"!{held}", timeout_s=5)

    async def lose_connection(self) -> None:
        await self.page.evaluate("sockets.at(-1).close(4999)")

    @property
    def complaints(self) -> list[str]:
        """What the page's console says, but for what it says of our recorder."""
        return [text for text in self.window.complaints if "ScriptProcessorNode" not in text]

    def asked(self, kind: str) -> list[dict[str, Any]]:
        return [request for request in self.sent if request["type"] == kind]
