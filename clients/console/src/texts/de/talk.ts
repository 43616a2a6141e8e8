/** Sprechrecht und Sprechtaste. */
import type { talk as en } from "../en/talk";

export const talk: Record<keyof typeof en, string> = {
  "floor.idle": "Frei",
  "floor.talking": "Spricht:",
  "floor.talks": "{name} spricht",
  "floor.requesting": "Sprechrecht wird angefragt …",
  "floor.queued": "Wartet auf das Sprechrecht",
  "floor.queued.position": "Wartet: Platz {position} in der Schlange",
  "floor.granted": "Sie sprechen · noch {left}",
  "floor.granted.said": "Jetzt sprechen",
  "floor.releasing": "Wird beendet …",
  "floor.denied": "Nicht erteilt. Noch einmal versuchen.",
  "floor.denied.taken": "Nicht erteilt: es spricht schon jemand. Sobald frei ist, noch einmal versuchen.",
  "floor.denied.alone": "Nicht erteilt: sonst ist niemand in der Gruppe.",
  "floor.denied.listen_only": "Nicht erteilt: hier dürfen Sie nur hören.",
  "floor.denied.queue_full": "Nicht erteilt: zu viele warten. Gleich noch einmal versuchen.",
  "floor.revoked": "Vom Server beendet. Loslassen, dann neu drücken.",
  "floor.revoked.too_long": "Beendet: die längste Sprechzeit ist um. Zum Weitersprechen neu drücken.",
  "floor.revoked.dispatcher": "Von der Leitstelle beendet.",
  "floor.revoked.pre_empted": "Beendet: jemand mit höherem Vorrang spricht.",
  "talk.hold": "Zum Sprechen halten",
  "talk.label": "Zu {to} sprechen",
  "talk.press": "Drücken zum Sprechen, noch einmal zum Beenden",
  "talk.short": "Sprechen",
  "talk.unavailable": "Sprechen nicht möglich",
  "talk.wait": "Halten, um das Wort zu bitten",
};
