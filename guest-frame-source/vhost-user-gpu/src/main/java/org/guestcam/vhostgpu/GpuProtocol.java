// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.vhostgpu;

import org.guestcam.uapi.abi.Uapi;
import org.guestcam.uapi.abi.virtio_gpu_cmd_get_edid;
import org.guestcam.uapi.abi.virtio_gpu_ctrl_hdr;
import org.guestcam.uapi.abi.virtio_gpu_cursor_pos;
import org.guestcam.uapi.abi.virtio_gpu_rect;
import org.guestcam.uapi.abi.virtio_gpu_resource_attach_backing;
import org.guestcam.uapi.abi.virtio_gpu_resource_create_2d;
import org.guestcam.uapi.abi.virtio_gpu_resource_create_blob;
import org.guestcam.uapi.abi.virtio_gpu_resource_detach_backing;
import org.guestcam.uapi.abi.virtio_gpu_resource_flush;
import org.guestcam.uapi.abi.virtio_gpu_resource_unref;
import org.guestcam.uapi.abi.virtio_gpu_resp_display_info;
import org.guestcam.uapi.abi.virtio_gpu_resp_edid;
import org.guestcam.uapi.abi.virtio_gpu_set_scanout;
import org.guestcam.uapi.abi.virtio_gpu_set_scanout_blob;
import org.guestcam.uapi.abi.virtio_gpu_transfer_to_host_2d;
import org.guestcam.uapi.abi.virtio_gpu_update_cursor;

/**
 * Numbers of {@code linux/virtio_gpu.h}, with the offsets of nested fields added up, so that
 * reading one allocates nothing.
 */
final class GpuProtocol {
  static final int F_EDID = Uapi.VIRTIO_GPU_F_EDID();
  static final int F_RESOURCE_BLOB = Uapi.VIRTIO_GPU_F_RESOURCE_BLOB();

  static final int FLAG_FENCE = Uapi.VIRTIO_GPU_FLAG_FENCE();
  static final int FLAG_RING_INDEX = Uapi.VIRTIO_GPU_FLAG_INFO_RING_IDX();

  static final int GET_DISPLAY_INFO = Uapi.VIRTIO_GPU_CMD_GET_DISPLAY_INFO();
  static final int RESOURCE_CREATE_2D = Uapi.VIRTIO_GPU_CMD_RESOURCE_CREATE_2D();
  static final int RESOURCE_UNREF = Uapi.VIRTIO_GPU_CMD_RESOURCE_UNREF();
  static final int SET_SCANOUT = Uapi.VIRTIO_GPU_CMD_SET_SCANOUT();
  static final int RESOURCE_FLUSH = Uapi.VIRTIO_GPU_CMD_RESOURCE_FLUSH();
  static final int TRANSFER_TO_HOST_2D = Uapi.VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D();
  static final int ATTACH_BACKING = Uapi.VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING();
  static final int DETACH_BACKING = Uapi.VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING();
  static final int GET_EDID = Uapi.VIRTIO_GPU_CMD_GET_EDID();
  static final int RESOURCE_CREATE_BLOB = Uapi.VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB();
  static final int SET_SCANOUT_BLOB = Uapi.VIRTIO_GPU_CMD_SET_SCANOUT_BLOB();
  static final int UPDATE_CURSOR = Uapi.VIRTIO_GPU_CMD_UPDATE_CURSOR();
  static final int MOVE_CURSOR = Uapi.VIRTIO_GPU_CMD_MOVE_CURSOR();

  static final int OK = Uapi.VIRTIO_GPU_RESP_OK_NODATA();
  static final int OK_DISPLAY_INFO = Uapi.VIRTIO_GPU_RESP_OK_DISPLAY_INFO();
  static final int OK_EDID = Uapi.VIRTIO_GPU_RESP_OK_EDID();
  static final int UNSPECIFIED = Uapi.VIRTIO_GPU_RESP_ERR_UNSPEC();
  static final int OUT_OF_MEMORY = Uapi.VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY();
  static final int INVALID_SCANOUT = Uapi.VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID();
  static final int INVALID_RESOURCE = Uapi.VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID();
  static final int INVALID_PARAMETER = Uapi.VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER();

  static final int BLOB_MEM_GUEST = Uapi.VIRTIO_GPU_BLOB_MEM_GUEST();

  // Header of every request and answer.
  static final long HEADER = virtio_gpu_ctrl_hdr.sizeof();
  static final long TYPE = virtio_gpu_ctrl_hdr.type$offset();
  static final long FLAGS = virtio_gpu_ctrl_hdr.flags$offset();
  static final long FENCE_ID = virtio_gpu_ctrl_hdr.fence_id$offset();
  static final long CONTEXT = virtio_gpu_ctrl_hdr.ctx_id$offset();
  static final long RING_INDEX = virtio_gpu_ctrl_hdr.ring_idx$offset();

  // In a rectangle.
  static final long X = virtio_gpu_rect.x$offset();
  static final long Y = virtio_gpu_rect.y$offset();
  static final long WIDTH = virtio_gpu_rect.width$offset();
  static final long HEIGHT = virtio_gpu_rect.height$offset();

  static final long CREATE_2D_SIZE = virtio_gpu_resource_create_2d.sizeof();
  static final long CREATE_2D_ID = virtio_gpu_resource_create_2d.resource_id$offset();
  static final long CREATE_2D_FORMAT = virtio_gpu_resource_create_2d.format$offset();
  static final long CREATE_2D_WIDTH = virtio_gpu_resource_create_2d.width$offset();
  static final long CREATE_2D_HEIGHT = virtio_gpu_resource_create_2d.height$offset();

  static final long UNREF_SIZE = virtio_gpu_resource_unref.sizeof();
  static final long UNREF_ID = virtio_gpu_resource_unref.resource_id$offset();

  static final long SCANOUT_SIZE = virtio_gpu_set_scanout.sizeof();
  static final long SCANOUT_RECT = virtio_gpu_set_scanout.r$offset();
  static final long SCANOUT_SCANOUT = virtio_gpu_set_scanout.scanout_id$offset();
  static final long SCANOUT_ID = virtio_gpu_set_scanout.resource_id$offset();

  static final long FLUSH_SIZE = virtio_gpu_resource_flush.sizeof();
  static final long FLUSH_RECT = virtio_gpu_resource_flush.r$offset();
  static final long FLUSH_ID = virtio_gpu_resource_flush.resource_id$offset();

  static final long TRANSFER_SIZE = virtio_gpu_transfer_to_host_2d.sizeof();
  static final long TRANSFER_RECT = virtio_gpu_transfer_to_host_2d.r$offset();
  static final long TRANSFER_OFFSET = virtio_gpu_transfer_to_host_2d.offset$offset();
  static final long TRANSFER_ID = virtio_gpu_transfer_to_host_2d.resource_id$offset();

  static final long ATTACH_SIZE = virtio_gpu_resource_attach_backing.sizeof();
  static final long ATTACH_ID = virtio_gpu_resource_attach_backing.resource_id$offset();
  static final long ATTACH_ENTRIES = virtio_gpu_resource_attach_backing.nr_entries$offset();

  static final long DETACH_SIZE = virtio_gpu_resource_detach_backing.sizeof();
  static final long DETACH_ID = virtio_gpu_resource_detach_backing.resource_id$offset();

  static final long BLOB_SIZE = virtio_gpu_resource_create_blob.sizeof();
  static final long BLOB_ID = virtio_gpu_resource_create_blob.resource_id$offset();
  static final long BLOB_MEM = virtio_gpu_resource_create_blob.blob_mem$offset();
  static final long BLOB_ENTRIES = virtio_gpu_resource_create_blob.nr_entries$offset();
  static final long BLOB_BYTES = virtio_gpu_resource_create_blob.size$offset();

  static final long SCANOUT_BLOB_SIZE = virtio_gpu_set_scanout_blob.sizeof();
  static final long SCANOUT_BLOB_RECT = virtio_gpu_set_scanout_blob.r$offset();
  static final long SCANOUT_BLOB_SCANOUT = virtio_gpu_set_scanout_blob.scanout_id$offset();
  static final long SCANOUT_BLOB_ID = virtio_gpu_set_scanout_blob.resource_id$offset();
  static final long SCANOUT_BLOB_WIDTH = virtio_gpu_set_scanout_blob.width$offset();
  static final long SCANOUT_BLOB_HEIGHT = virtio_gpu_set_scanout_blob.height$offset();
  static final long SCANOUT_BLOB_FORMAT = virtio_gpu_set_scanout_blob.format$offset();
  static final long SCANOUT_BLOB_STRIDE = virtio_gpu_set_scanout_blob.strides$offset();
  static final long SCANOUT_BLOB_OFFSET = virtio_gpu_set_scanout_blob.offsets$offset();

  static final long GET_EDID_SIZE = virtio_gpu_cmd_get_edid.sizeof();
  static final long GET_EDID_SCANOUT = virtio_gpu_cmd_get_edid.scanout$offset();

  static final long CURSOR_SIZE = virtio_gpu_update_cursor.sizeof();
  static final long CURSOR_SCANOUT =
      virtio_gpu_update_cursor.pos$offset() + virtio_gpu_cursor_pos.scanout_id$offset();
  static final long CURSOR_X =
      virtio_gpu_update_cursor.pos$offset() + virtio_gpu_cursor_pos.x$offset();
  static final long CURSOR_Y =
      virtio_gpu_update_cursor.pos$offset() + virtio_gpu_cursor_pos.y$offset();
  static final long CURSOR_ID = virtio_gpu_update_cursor.resource_id$offset();
  static final long CURSOR_HOT_X = virtio_gpu_update_cursor.hot_x$offset();
  static final long CURSOR_HOT_Y = virtio_gpu_update_cursor.hot_y$offset();

  static final long DISPLAY_INFO_SIZE = virtio_gpu_resp_display_info.sizeof();
  static final long DISPLAY_INFO_MODES = virtio_gpu_resp_display_info.pmodes$offset();
  static final long DISPLAY_MODE_SIZE =
      virtio_gpu_resp_display_info.virtio_gpu_display_one.sizeof();
  static final long DISPLAY_MODE_RECT =
      virtio_gpu_resp_display_info.virtio_gpu_display_one.r$offset();
  static final long DISPLAY_MODE_ENABLED =
      virtio_gpu_resp_display_info.virtio_gpu_display_one.enabled$offset();

  static final long EDID_ANSWER_SIZE = virtio_gpu_resp_edid.sizeof();
  static final long EDID_ANSWER_LENGTH = virtio_gpu_resp_edid.size$offset();
  static final long EDID_ANSWER_BYTES = virtio_gpu_resp_edid.edid$offset();

  private GpuProtocol() {}
}
