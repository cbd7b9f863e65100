/** The whole main job in one process: gateway, measuring sink, DNS zone and load, with a ledger at the end. */
@NullMarked
package dev.penstock.demo;

import org.jspecify.annotations.NullMarked;
