@NullMarked
package dev.penstock.loadgen;

import org.jspecify.annotations.NullMarked;
