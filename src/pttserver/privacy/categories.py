"""The categories of personal data: what exists about people, and whether it stands or happened."""

from enum import StrEnum
from typing import Literal, NamedTuple

Nature = Literal["standing", "happening"]


class Category(StrEnum):
    """Every personal column of the database has one of these, and every policy a rule for each."""

    SUBSCRIBER_NAME = "subscriber_name"
    NICKNAME = "nickname"
    IDENTIFIER = "identifier"
    CONTACT_DATA = "contact_data"
    CREDENTIAL = "credential"
    MEMBERSHIP = "membership"
    DEVICE_TYPE = "device_type"
    IP_ADDRESS = "ip_address"
    LAST_LOGIN = "last_login"
    CALL_RECORD = "call_record"
    PARTICIPANTS = "participants"
    MESSAGE_METADATA = "message_metadata"
    MESSAGE_CONTENT = "message_content"
    ATTACHMENT = "attachment"
    LOCATION = "location"
    ALERT = "alert"
    ACTIVITY_LOG = "activity_log"
    AUDIT_LOG = "audit_log"
    DEBUG_CAPTURE = "debug_capture"
    IMPORT_FILE = "import_file"
    BILLING = "billing"
    EXTRA = "extra"


class About(NamedTuple):
    """`standing`: lives as long as somebody is subscribed. `happening`: a record that has an age."""

    title: str
    description: str
    nature: Nature


def about(category: Category) -> About:
    """What a category means, for people."""
    return _ABOUT[category]


_ABOUT = {
    Category.SUBSCRIBER_NAME: About("Display name", "The name that members of a group see.", "standing"),
    Category.NICKNAME: About("Nickname", "What a device or person is called informally.", "standing"),
    Category.IDENTIFIER: About("Identifier", "Phone number, or whatever the organisation uses instead.", "standing"),
    Category.CONTACT_DATA: About("Contact data", "E-mail, address and further phone numbers.", "standing"),
    Category.CREDENTIAL: About("Credentials", "PIN hash, device key, tokens: who may log in.", "standing"),
    Category.MEMBERSHIP: About(
        "Memberships", "Which groups a subscriber belongs to, and with what rights.", "standing"
    ),
    Category.DEVICE_TYPE: About("Device type", "Make and model of a radio, as it tells itself.", "standing"),
    Category.IP_ADDRESS: About("IP address", "Network address that a call was started from.", "happening"),
    Category.LAST_LOGIN: About("Last log-in", "When a subscriber logged in last.", "happening"),
    Category.CALL_RECORD: About("Call records", "Time and duration of calls and talk bursts.", "happening"),
    Category.PARTICIPANTS: About("Participants", "Who started, spoke in and listened to a call.", "happening"),
    Category.MESSAGE_METADATA: About("Message records", "Sender, recipients, time and state.", "happening"),
    Category.MESSAGE_CONTENT: About("Message content", "The text of a message.", "happening"),
    Category.ATTACHMENT: About("Attachments", "Files and voice that travel with a message.", "happening"),
    Category.LOCATION: About("Location", "Where a device is, and was.", "happening"),
    Category.ALERT: About("Alerts", "Emergency alerts and how they were handled.", "happening"),
    Category.ACTIVITY_LOG: About(
        "Activity log", "Log-ins that took a session over, and changes of accounts.", "happening"
    ),
    Category.AUDIT_LOG: About("Audit log", "Who looked at or changed personal data, and when.", "happening"),
    Category.DEBUG_CAPTURE: About("Debug captures", "Copies that are made to find a fault.", "happening"),
    Category.IMPORT_FILE: About("Import files", "Files with contacts that the organisation brought in.", "happening"),
    Category.BILLING: About("Billing records", "Time stamps and amounts of use.", "happening"),
    Category.EXTRA: About("Further fields", "Fields that the organisation defined itself.", "standing"),
}
