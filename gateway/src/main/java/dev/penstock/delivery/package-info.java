/**
 * Delivery sessions: one virtual thread and one SMTP session each; the failure policy; delivery status notifications.
 */
@NullMarked
package dev.penstock.delivery;

import org.jspecify.annotations.NullMarked;
