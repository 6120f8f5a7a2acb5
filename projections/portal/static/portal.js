/** Brings the pages to life; reading works without it. */

import { setUpAfter } from "./after.js";
import { setUpDelivery } from "./delivery.js";
import { setUpDetails } from "./details.js";
import { setUpDialogs } from "./dialogs.js";
import { setUpFiles } from "./files.js";
import { setUpFilters } from "./filters.js";
import { setUpForms } from "./forms.js";
import { setUpRuns } from "./runs.js";
import { setUpSums } from "./sums.js";
import { setUpTimes } from "./times.js";

setUpAfter();
setUpDelivery();
setUpDetails();
setUpDialogs();
setUpFiles();
setUpFilters();
setUpForms();
setUpRuns();
setUpSums();
setUpTimes();
