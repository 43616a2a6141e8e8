/** Fehler: was geschehen ist und was zu tun ist. */
import type { errors as en } from "../en/errors";

export const errors: Record<keyof typeof en, string> = {
  "error.internal":
    "Der Server konnte das nicht ausführen. Gleich noch einmal versuchen; wenn es wieder geschieht, die Administration verständigen.",
  "error.auth.disabled": "Die Leitstelle hat dieses Gerät gesperrt. Dort um Freigabe bitten.",
  "error.auth.failed": "Das stimmt nicht überein. Eingabe prüfen und noch einmal versuchen.",
  "error.auth.forbidden": "Ihre Rolle erlaubt das nicht. Fragen Sie bei Bedarf eine Managerin oder einen Manager.",
  "error.auth.required": "Sie sind nicht mehr angemeldet. Zum Weiterarbeiten neu anmelden.",
  "error.auth.wiped":
    "Ihre Organisation hat dieses Gerät gelöscht. Die Schlüssel sind entfernt; bitten Sie um einen neuen Code.",
  "error.auth.throttled": "Zu viele Versuche. {wait} warten, dann noch einmal versuchen.",
  "error.busy": "Der Server ist gerade ausgelastet. In {wait} noch einmal versuchen.",
  "error.already_exists": "Diesen Namen gibt es schon. Einen anderen wählen.",
  "error.call.offline": "Niemand der Gerufenen ist online. Ein Rückrufwunsch bittet um Rückruf.",
  "error.call.busy": "Die Person ist in einem anderen Gespräch. Später versuchen oder einen Rückrufwunsch senden.",
  "error.call.in_a_call": "Sie sind schon in einem Gespräch. Beenden Sie es zuerst.",
  "error.call.unavailable": "Der Ruf kam nicht zustande. Später versuchen oder einen Rückrufwunsch senden.",
  "error.enrolment.failed":
    "Dieser Code ist verbraucht, abgelaufen oder vertippt. Bitten Sie um einen neuen; jeder Code gilt einmal.",
  "error.erasure.unfinished":
    "Die Platte des Servers ist voll oder gestört. Die Löschung ist vermerkt und geschieht von selbst, sobald die Datenbank wieder schreibt. Nicht wiederholen.",
  "error.invalid_value": "Der Server nimmt das so nicht an. Eingabe prüfen und noch einmal versuchen.",
  "error.not_found": "Das gibt es nicht mehr, oder Sie dürfen es nicht sehen. Die Liste wurde neu gelesen.",
  "error.policy.forbids": "Ihre Organisation hat das abgeschaltet.",
  "error.policy.missing":
    "Für Ihre Organisation gilt keine Datenschutzrichtlinie, deshalb wird nichts bedient. Verständigen Sie das Management.",
  "error.protocol.version": "Diese Seite ist älter als der Server. Bitte neu laden.",
  "error.store.unavailable":
    "Die Datenbank des Servers fehlt gerade; Sprechen geht weiter. Später noch einmal versuchen.",
  "error.microphone.denied":
    "Der Browser gibt das Mikrofon nicht frei. Am Schloss in der Adresszeile erlauben, dann noch einmal drücken. Hören geht weiter.",
  "error.microphone.absent": "Kein Mikrofon gefunden. Eines anschließen, dann noch einmal drücken. Hören geht weiter.",
  "error.microphone.busy":
    "Ein anderes Programm belegt das Mikrofon. Es schließen, dann noch einmal drücken. Hören geht weiter.",
  "error.microphone.unsupported":
    "Dieser Browser kann keine Sprache kodieren. Zum Sprechen einen aktuellen Chrome, Edge oder Firefox nehmen.",
  "error.page.second_tab": "Das Funkgerät ist in einem anderen Tab offen. Dort weitermachen oder hierher übernehmen.",
  "error.page.key_changed":
    "Der Schlüssel eines Funkgeräts ist ein anderer als zuvor, darum wurde nichts gesendet. Erst die Person fragen.",
  "error.page.logged_out": "Die Leitstelle hat dieses Funkgerät abgemeldet. Zum Weitermachen anmelden.",
  "error.page.no_code":
    "Das ist kein Einrichtungscode. Die sechzehn Buchstaben und Ziffern eintippen oder den ganzen Text oder Link einfügen.",
  "error.page.nobody_reachable": "Niemand von diesen hat schon ein Gerät, das Nachrichten annimmt.",
  "error.page.other_server": "Dieser Code gehört zu einem anderen Server. {address} öffnen und dort verwenden.",
  "error.page.revoked":
    "Ihre Organisation hat dieses Funkgerät außer Dienst gestellt. Bei Bedarf um einen neuen Einrichtungscode bitten.",
  "error.page.superseded.by":
    "Sie haben sich auf „{device}“ um {time} angemeldet, darum wurde dieses Gerät abgemeldet. Hier übernehmen, um weiterzumachen.",
  "error.page.superseded":
    "Sie haben sich an einem anderen Gerät angemeldet; dieses wurde abgemeldet. Zum Weiterarbeiten hierher übernehmen.",
  "error.page.offline": "Keine Verbindung zum Server. Sie wird von selbst neu aufgebaut; Gesendetes wartet so lange.",
  "error.page.unreachable": "Der Server antwortet nicht. Netz prüfen; die Seite versucht es weiter.",
  "error.page.storage_full":
    "Der Speicher des Browsers ist voll. Alte Aufnahmen exportieren und löschen; bisher Aufgenommenes ist sicher.",
  "error.page.storage_refused":
    "Der Browser speichert für diese Seite nichts. Privates Fenster verlassen oder Speichern erlauben.",
  "error.page.insecure":
    "Die Seite kam nicht über https, deshalb sind Schlüssel und Mikrofon unerreichbar. Über https öffnen.",
  "error.page.too_old":
    "Diesem Browser fehlt, was das Funkgerät braucht. Einen aktuellen Chrome, Edge, Firefox oder Safari nehmen.",
  "error.page.camera":
    "Die Kamera ist nicht nutzbar. Den Einrichtungslink auf diesem Telefon öffnen oder den Code eintippen.",
  "error.page.not_located":
    "Das Gerät hat seine Position nicht mitgeteilt. Rufen Sie die Person an, oder versuchen Sie es später noch einmal.",
  "error.page.changed_on_the_way":
    "Die Datei ist nicht, was gesendet wurde: Sie wurde unterwegs verändert. Nicht verwenden; den Absender fragen.",
  "error.page.passkey": "Der Passkey wurde nicht benutzt. Noch einmal versuchen oder den Code der App wählen.",
};
