/** Aufnahmen an dieser Konsole. */
import type { recordings as en } from "../en/recordings";
import type { Text } from "../say";

export const recordings: Record<keyof typeof en, Text> = {
  "recording.about":
    "Aufnahmen sind verschlüsselt und bleiben in diesem Browser auf diesem Rechner. Der Server speichert und nimmt keine Sprache.",
  "recording.change": "Passphrase ändern",
  "recording.change.done": "Die Passphrase ist geändert. Die Aufnahmen bleiben, wie sie sind.",
  "recording.choose": "Passphrase wählen",
  "recording.choose.about":
    "Alle Aufnahmen werden damit verschlüsselt. Niemand kann sie wiederherstellen: Ohne sie lassen sich die Aufnahmen nicht öffnen.",
  "recording.chosen": "Die gewählte Aufnahme",
  "recording.damaged": "Beschädigt",
  "recording.damaged.about": "Die Datei ist beschädigt. Was vor dem Schaden steht, lässt sich abspielen und speichern.",
  "recording.damaged.all":
    "Die Datei lässt sich nicht öffnen: Sie ist von Anfang an beschädigt und kann nur gelöscht werden.",
  "recording.end": "Ende",
  "recording.erase": "Löschen",
  "recording.erase.about": "Die Aufnahme wird von diesem Rechner gelöscht. Das lässt sich nicht rückgängig machen.",
  "recording.erase.heading": "Aufnahme löschen",
  "recording.erased_after": "Aufnahmen werden nach {duration} gelöscht.",
  "recording.find": "Suchen",
  "recording.found": { one: "{count} Aufnahme", other: "{count} Aufnahmen" },
  "recording.from": "Von",
  "recording.group": "Gruppe",
  "recording.group.all": "Alle Gruppen",
  "recording.interrupted": "Unterbrochen",
  "recording.interrupted.about": "Die Konsole hielt an, während dies aufgenommen wurde. Alles bis dahin ist vorhanden.",
  "recording.kind": "Art",
  "recording.kind.alert": "Alarm",
  "recording.kind.broadcast": "Durchsage",
  "recording.kind.group": "Gruppenruf",
  "recording.kind.private": "Einzelruf",
  "recording.length": "Dauer",
  "recording.list": "Aufnahmen",
  "recording.lock": "Sperren",
  "recording.lost": "Passphrase verloren",
  "recording.lost.about":
    "Ohne die Passphrase öffnet nichts die Aufnahmen. Alle Aufnahmen auf diesem Rechner werden gelöscht, dann lässt sich eine neue Passphrase wählen.",
  "recording.lost.erase": "Alles löschen",
  "recording.new_passphrase": "Neue Passphrase",
  "recording.none": "Noch ist nichts aufgenommen.",
  "recording.none_chosen": "Wählen Sie eine Aufnahme.",
  "recording.none_found": "Keine Aufnahme passt zur Suche.",
  "recording.off": "Aus",
  "recording.old_passphrase": "Jetzige Passphrase",
  "recording.on": "Aufnahme läuft",
  "recording.passphrase": "Passphrase",
  "recording.passphrase.again": "Passphrase noch einmal",
  "recording.passphrase.differ": "Die beiden sind nicht gleich. Geben Sie die Passphrase noch einmal ein.",
  "recording.passphrase.hint":
    "Mindestens {count} Zeichen. Mehrere Wörter sind leicht zu merken und schwer zu erraten.",
  "recording.passphrase.short": "Zu kurz. Nehmen Sie mindestens {count} Zeichen.",
  "recording.passphrase.wrong":
    "Diese Passphrase öffnet die Aufnahmen nicht. Versuchen Sie es noch einmal; Großschreibung zählt.",
  "recording.person": "Person",
  "recording.play": "Abspielen",
  "recording.play_all": "Alle nacheinander abspielen",
  "recording.play_from_here": "Ab hier abspielen",
  "recording.playing": "Wird abgespielt",
  "recording.position": "Stelle in der Aufnahme",
  "recording.position.text": "{at} von {length}",
  "recording.reading": "Wird geöffnet: {done} von {of} Aufnahmen",
  "recording.reset": "Suche leeren",
  "recording.save": "Als WAV speichern",
  "recording.save_all": "Alle als eine WAV speichern",
  "recording.space": "{used} von {of} belegt",
  "recording.start": "Beginn",
  "recording.state.alert": "Aufnahme läuft: Ein Alarm ist offen",
  "recording.state.failed":
    "Es wird nichts aufgenommen: Der Browser kann nicht schreiben. Alles bisher Aufgenommene bleibt erhalten. Laden Sie die Seite neu; geschieht es wieder, speichern Sie, was Sie brauchen.",
  "recording.state.forbidden": "Ihre Organisation lässt an dieser Konsole keine Aufnahmen zu.",
  "recording.state.full":
    "Es wird nichts aufgenommen: Der Speicher des Browsers ist voll. Alles bisher Aufgenommene bleibt erhalten. Speichern und löschen Sie alte Aufnahmen, dann versuchen Sie es noch einmal.",
  "recording.state.locked": "Keine Aufnahme: Die Passphrase fehlt.",
  "recording.state.locked.alert":
    "Ein Alarm ist offen und wird NICHT aufgenommen: Geben Sie die Passphrase der Aufnahmen ein.",
  "recording.state.off": "Keine Aufnahme",
  "recording.state.on": "Was Sie hören und sagen, wird aufgenommen",
  "recording.stop": "Aufnahme beenden",
  "recording.stop_playing": "Anhalten",
  "recording.switch_on": "Aufnahme beginnen",
  "recording.talker": "Sprecher",
  "recording.to": "Bis",
  "recording.try_again": "Noch einmal versuchen",
  "recording.unlock": "Aufnahmen öffnen",
  "recording.unlock.about":
    "Geben Sie die Passphrase ein, mit der die Aufnahmen auf diesem Rechner verschlüsselt wurden.",
  "recording.unplayable":
    "Diese Aufnahme ließ sich nicht abspielen: Die Datei ist beschädigt. Die anderen laufen weiter.",
  "recording.vault.damaged":
    "Die Schlüsseldatei der Aufnahmen ist beschädigt, sie lassen sich nicht öffnen. Löschen Sie alles, um wieder aufnehmen zu können.",
  "recording.vault.unusable":
    "Dieser Browser hält für diese Seite keine Dateien. Verlassen Sie das private Fenster oder erlauben Sie Speicher für diese Website, und laden Sie neu.",
  "recording.waveform": "Wellenform",
};
