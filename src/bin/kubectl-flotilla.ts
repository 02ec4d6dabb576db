#!/usr/bin/env node
import { kubectlMain } from "../cli/kubectl/main.js";

await kubectlMain(process.argv);
