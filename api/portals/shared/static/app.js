// Enhancements only: every page works without this file.
import { listChosenFiles } from "./dropzone.js";
import { offerCopying } from "./copy.js";
import { watchProgress } from "./progress.js";

listChosenFiles(document);
offerCopying(document);
watchProgress(document);
