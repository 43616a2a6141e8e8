"""A push-to-talk handset in Python: the SDK behind the `ptt` command.

- `ptthandset.handset`: `enroll` a device, `Handset.connect`, `handset.affiliate(group)`
- `ptthandset.talkgroup`: what `affiliate` gives: `talk`, `request_floor`, `pull` (what is heard), participants, events
- `ptthandset.audio`: Opus, jitter buffer, files, microphone and loudspeaker
- `ptthandset.errors`: what can go wrong
- `ptthandset.credentials`: a device's keys in a file
"""
