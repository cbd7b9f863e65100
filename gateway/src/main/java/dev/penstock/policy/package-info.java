/**
 * Who may send what to whom, and for which tenant; the interface for policies of one's own.
 */
@NullMarked
package dev.penstock.policy;

import org.jspecify.annotations.NullMarked;
