/**
 * What the shaping file says of each path: sections put over one another, and which sites the domains of its sections
 * have now.
 */
@NullMarked
package dev.penstock.shaping.rules;

import org.jspecify.annotations.NullMarked;
