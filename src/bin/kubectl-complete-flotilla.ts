#!/usr/bin/env node
import { completeMain } from "../cli/kubectl/complete.js";

await completeMain(process.argv.slice(2));
