/** What all pages share. */
export const look = {
  "look.cancel": "Cancel",
  "look.close": "Close",
  "look.dismiss": "Dismiss",
  "look.key.space": "Space",
  "look.language": "Language",
  "look.loading": "Loading",
  "look.notices": "Notices",
  "look.save": "Save",
  "look.shortcut.help": "Show the shortcuts",
  "look.shortcuts": "Keyboard shortcuts",
  "look.theme": "Appearance",
  "look.theme.dark": "Dark",
  "look.theme.light": "Light",
  "look.theme.system": "System",
  "person.nameless": "No name",
} as const;
