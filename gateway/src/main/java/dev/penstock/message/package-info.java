/**
 * What a message is: id, envelope, recipients, content, and the events of its life. Knows nothing of storage.
 */
@NullMarked
package dev.penstock.message;

import org.jspecify.annotations.NullMarked;
