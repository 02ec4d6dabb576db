#!/usr/bin/env node
import { containerMain } from "../cli/container-main.js";

await containerMain(process.argv);
