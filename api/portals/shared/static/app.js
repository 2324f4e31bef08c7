// Enhancements only: every page works without this file.
import { listChosenFiles } from "./dropzone.js";
import { offerCopying } from "./copy.js";
import { offerOwnKeys } from "./ownkey.js";
import { offerPasskeys } from "./passkey.js";
import { watchProgress } from "./progress.js";

listChosenFiles(document);
offerCopying(document);
offerOwnKeys(document);
offerPasskeys(document);
watchProgress(document);
