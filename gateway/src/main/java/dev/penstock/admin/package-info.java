/**
 * The administration API under {@code /api/admin/v1}: on the operators' port beside metrics and health, and on a Unix
 * socket. Its routes are registered by those who know what they show or do; here is who may ask, how a request is read
 * and answered, and the client that the command line uses.
 */
@NullMarked
package dev.penstock.admin;

import org.jspecify.annotations.NullMarked;
