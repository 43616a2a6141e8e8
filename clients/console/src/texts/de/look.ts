/** Was alle Seiten teilen. */
import type { look as en } from "../en/look";

export const look: Record<keyof typeof en, string> = {
  "look.cancel": "Abbrechen",
  "look.close": "Schließen",
  "look.dismiss": "Ausblenden",
  "look.key.space": "Leertaste",
  "look.language": "Sprache",
  "look.loading": "Wird geladen",
  "look.notices": "Hinweise",
  "look.save": "Speichern",
  "look.shortcut.help": "Tastenkürzel zeigen",
  "look.shortcuts": "Tastenkürzel",
  "look.theme": "Darstellung",
  "look.theme.dark": "Dunkel",
  "look.theme.light": "Hell",
  "look.theme.system": "System",
  "person.nameless": "Ohne Namen",
};
