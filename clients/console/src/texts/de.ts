/** All texts in German. */
import { account } from "./de/account";
import { alerts } from "./de/alerts";
import { desk } from "./de/desk";
import { duty } from "./de/duty";
import { errors } from "./de/errors";
import { look } from "./de/look";
import { map } from "./de/map";
import { people } from "./de/people";
import { phone } from "./de/phone";
import { recordings } from "./de/recordings";
import { talk } from "./de/talk";

export const de = {
  ...look,
  ...talk,
  ...people,
  ...desk,
  ...duty,
  ...alerts,
  ...account,
  ...map,
  ...recordings,
  ...phone,
  ...errors,
};
