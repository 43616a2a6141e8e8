/** Die Konsole bei der Arbeit. */
import type { duty as en } from "../en/duty";
import type { Text } from "../say";

export const duty: Record<keyof typeof en, Text> = {
  "call.broadcast.heard": "Durchsage: Sie hören nur zu",
  "call_alert.sent": "{name} wird gebeten, Sie zurückzurufen.",
  "call_alert.waits": "{name} ist nicht angemeldet und wird bei der nächsten Anmeldung um Rückruf gebeten.",
  "call_alert.was_seen": "{name} hat Ihre Bitte um Rückruf gesehen.",
  "desk.device.disabled": "Ein Gerät von {name} ist gesperrt.",
  "desk.device.enabled": "Ein Gerät von {name} ist wieder freigegeben.",
  "desk.device.logged_out": "Ein Gerät von {name} ist abgemeldet.",
  "desk.device.wiped":
    "Ein Gerät von {name} ist endgültig gelöscht. Ob seine Schlüssel gelöscht sind, wird gemeldet, sobald es das sagt.",
  "desk.device.wiped.confirmed": "Ein Gerät von {name} hat seine Schlüssel gelöscht.",
  "desk.dissolve.does": "Die Gruppe endet für alle, die in ihr sind.",
  "desk.listen_only": "In dieser Gruppe dürfen Sie nur zuhören.",
  "desk.located": "{name}: {place}, auf {radius} genau, {age}",
  "desk.microphone_muted":
    "Das Mikrofon ist vom System oder an einem Schalter stummgeschaltet. Schalten Sie es dort ein: Zurzeit hört Sie niemand.",
  "desk.not_located": "{name} hat keine Position gemeldet. Das Gerät ist vielleicht außer Reichweite oder hat keine.",
  "desk.revoke.does": "Wer spricht, wird unterbrochen und kann das Wort wieder anfordern.",
  "desk.show_on_map": "Karte zeigen",
  "desk.silent": "Noch ist nichts zu hören: Der Browser wartet auf eine Taste oder einen Klick auf dieser Seite.",
  "desk.silent.wake": "Ton einschalten",
  "room.missing":
    "Dieser Teil der Seite konnte nicht geladen werden. Wurde der Server erneuert, laden Sie die Seite neu.",
  "sound.input": "Mikrofon",
  "sound.key": "Sprechtaste",
  "sound.key.change": "Ändern",
  "sound.key.press": "Drücken Sie die Taste, die sprechen soll. Escape behält die alte.",
  "sound.mode": "Sprechtaste und Sprechknöpfe",
  "sound.mode.hold": "Zum Sprechen halten",
  "sound.mode.toggle": "Drücken zum Sprechen, noch einmal zum Beenden",
  "sound.nameless": "Gerät {number}",
  "sound.output": "Lautsprecher",
  "sound.processing": "Klang des Mikrofons verbessern",
  "sound.processing.hint": "Nimmt Hall und Geräusche weg. Für ein gutes Headset in einem ruhigen Raum ausschalten.",
  "sound.system": "Wahl des Systems",
  "sound.try": "Mikrofon noch einmal versuchen",
};
