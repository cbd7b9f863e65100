/**
 * What a reply means: which rule it matches, whom it is about and what is to be done. Pure, but for the counts of replies.
 */
@NullMarked
package dev.penstock.classification;

import org.jspecify.annotations.NullMarked;
